# shellcheck shell=bash
# Sourced by the sweep scripts with their arguments: if --help is one, prints the comment that the script begins with.
for argument in "$@"; do
  if [ "$argument" = --help ]; then
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
    exit
  fi
done
