"""Progress bars: step, loss, examples per second and time left. In a notebook they are widgets."""

import functools
import sys
from typing import IO

from tqdm.auto import tqdm
from tqdm.notebook import tqdm_notebook

_SECONDS_BETWEEN_LINES = 10


class ProgressBar:
    """A bar on a terminal or in a notebook, and elsewhere a line now and then.

    A bar that cannot be written, because standard error is closed, is a pipe without a reader or is on a full disk,
    stops showing; the work goes on.

    Args:
        name: of the work, such as `train`.
        total: the number of steps.
        examples_per_step: for the speed that is shown.
        start: the number of steps that were finished before.
        disable: True to show nothing.
        unit: the name of what is counted where a step has one example.

    Example:
        >>> with ProgressBar("train", total=2, examples_per_step=8, disable=True) as bar:
        ...     bar.update(1, loss=0.7)
    """

    def __init__(
        self,
        name: str,
        total: int,
        examples_per_step: int,
        start: int = 0,
        disable: bool = False,
        unit: str = "example",
    ):
        is_widget = issubclass(tqdm, tqdm_notebook)
        stream = _Stream(sys.stderr)
        is_redrawn = is_widget or stream.isatty()
        self._write = functools.partial(tqdm.write, file=None if is_widget else stream) if is_redrawn else stream.print
        self._examples_per_step = examples_per_step
        self._unit = unit
        self._bar = tqdm(
            desc=name,
            total=total,
            unit="step" if examples_per_step > 1 else unit,
            initial=start,
            disable=disable,
            mininterval=0.1 if is_redrawn else _SECONDS_BETWEEN_LINES,
            dynamic_ncols=is_redrawn and not is_widget,
            # A widget puts its own bar in place of {bar}.
            bar_format="{desc}: {percentage:3.0f}% |"
            + ("{bar}" if is_widget else "{bar:20}")
            + "| {unit} {n_fmt}/{total_fmt}{postfix}, {remaining} left"
            + ("" if is_redrawn else "\n"),
            file=None if is_widget else stream,
        )

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def update(self, step: int, loss: float | None = None) -> None:
        """Shows the number of finished steps, and the last one's loss."""
        if self._bar.disable:
            return
        done, seconds = step - self._bar.initial, self._bar.format_dict["elapsed"]
        speed = f"{done * self._examples_per_step / seconds:.1f} {self._unit}s/s" if seconds else ""
        self._bar.set_postfix_str(speed if loss is None else f"loss {loss:.4f}, {speed}", refresh=False)
        self._bar.update(step - self._bar.n)

    def say(self, line: str) -> None:
        """Prints a line above the bar."""
        if not self._bar.disable:
            self._write(line)


class _Stream:
    """Passes text on to a stream until that fails, and then drops it.

    Args:
        stream: where to write; None in a process without one.
    """

    def __init__(self, stream: IO[str] | None):
        self._stream = stream
        self.encoding = getattr(stream, "encoding", None) or "ascii"

    def write(self, text: str) -> None:
        self._try("write", text)

    def print(self, line: str) -> None:
        self.write(f"{line}\n")

    def flush(self) -> None:
        self._try("flush")

    def isatty(self) -> bool:
        return bool(self._try("isatty"))

    def fileno(self) -> int:
        # tqdm asks the terminal for its width, and takes an OSError for an answer.
        return -1 if self._stream is None else self._stream.fileno()

    def _try(self, method: str, *arguments: str) -> object:
        if self._stream is None:
            return None
        try:
            return getattr(self._stream, method)(*arguments)
        # ValueError: somebody closed it.
        except (OSError, ValueError):
            self._stream = None
            return None
