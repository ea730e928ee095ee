"""Checks the file that a program writes."""

from bert_tf.errors import UserError, printable, user_error_for
from bert_tf.files import is_there
from bert_tf.remote import AnyPath, as_path


def check_output_file(output_file: str | None, input_file: str | None, overwrite: bool) -> None:
    """Raises `UserError` if a file must not be written.

    Args:
        output_file: the file; None for standard output.
        input_file: the file that the program reads.
        overwrite: whether to replace the file if it is there.
    """
    if output_file is None:
        return
    path = as_path(output_file)
    with user_error_for(OSError, f"output_file: {printable(path)}", "cannot be written", "name another file"):
        if is_there(path):
            _check_file(path, input_file, overwrite)


def _check_file(path: AnyPath, input_file: str | None, overwrite: bool) -> None:
    if path.is_dir():
        raise UserError(f"output_file: {printable(path)}: is a folder; name a file in it")
    # A device, such as /dev/stdout, must not be replaced by a file.
    if path.is_symlink() or not path.is_file():
        raise UserError(f"output_file: {printable(path)}: is not a regular file; name another one")
    if input_file and path.resolve() == as_path(input_file).resolve():
        raise UserError(f"output_file: {printable(path)}: is the input_file; name another file")
    if not overwrite:
        raise UserError(f"output_file: {printable(path)}: is there already; name another file, or pass --overwrite")
