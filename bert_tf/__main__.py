"""The command `bert-tf PROGRAM --FLAG=VALUE ...`: the programs without a clone.

bert-tf run_classifier --task_name=MRPC --do_train --do_eval
bert-tf predict output/MRPC/all-MiniLM-L6-v2 "It rains ." "Rain falls ."
"""

import importlib
import sys

PROGRAMS = (
    *("run_classifier", "run_squad", "run_ner", "create_pretraining_data", "run_pretraining"),
    *("predict", "extract_features"),
    *("export", "export_huggingface", "export_litert", "export_model_garden", "export_onnx"),
)


def main() -> None:
    """Runs the program that the first argument names, with the flags behind it."""
    if len(sys.argv) < 2 or sys.argv[1] not in PROGRAMS:
        wants_help = sys.argv[1:2] in (["--help"], ["-h"])
        usage = f"usage: bert-tf PROGRAM --FLAG=VALUE ...; programs: {', '.join(PROGRAMS)}; each has --help"
        print(usage, file=sys.stdout if wants_help else sys.stderr)
        sys.exit(0 if wants_help else 1)
    name = sys.argv[1]
    program = importlib.import_module(f"bert_tf.programs.{name}")
    sys.argv = [f"bert-tf {name}", *sys.argv[2:]]
    # absl shows this above the flags.
    sys.modules["__main__"].__doc__ = program.__doc__
    program.run_main()


if __name__ == "__main__":
    main()
