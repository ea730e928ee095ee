"""Small data files in the forms that tasks have."""

from pathlib import Path

GLUE_HEADER = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
GLUE_TRAIN = (
    "\ufeff" + GLUE_HEADER + '1\t11\t12\t" Yes , " he said .\tHe said " yes .\n0\t21\t22\tRain fell .\tSnow fell .\n'
)
EXPORT_TRAIN = '""" Yes , "" he said ."\t"He said "" yes ."\t1\nRain fell .\tSnow fell .\t0\n'


def write(path: Path, content: str | bytes) -> Path:
    """Writes bytes, or text as UTF-8, into a file and makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path
