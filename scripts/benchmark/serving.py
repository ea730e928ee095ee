"""The worker's end of the conversation with the benchmark, see worker_process.py for the other end.

The peer imports this in its own environment, so it needs only the standard library.
"""

import json
import os
import sys
from collections.abc import Callable


def serve(
    prepare: Callable[[dict], tuple[dict, Callable[[], dict] | None]], user_errors: tuple[type[Exception], ...] = ()
) -> None:
    """Prepares the job of the command line, and then measures once for each line of standard input.

    Prints one line of JSON with the facts of the job, and one for each measurement.

    Args:
        prepare: returns for a job its facts, and a function that measures once.
        user_errors: exceptions whose message is the answer, in place of a traceback.
    """
    # Libraries print to standard output as well; keep that out of the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(content: dict) -> None:
        print(json.dumps(content), file=answers, flush=True)

    try:
        facts, measure = prepare(json.loads(sys.argv[1]))
        answer(facts)
        for _ in sys.stdin:
            answer(measure())
    except user_errors as error:
        answer({"error": str(error)})
