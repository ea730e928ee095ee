"""Writes folders like those of runs that answer questions, and a SQuAD file, without running anything."""

import collections
import json
from pathlib import Path

import numpy as np
from support.synthetic_runs import write_scored_run

# Articles, with paragraphs, with questions and their gold answers; the first begins where the paragraph has it first.
ARTICLES = {
    "Lighthouse_of_Arvel": [
        (
            "The lighthouse of Arvel was built in 1794 by the brothers Tomas and Per Lindal. Its lamp burned whale oil "
            "until 1861, when the keeper, Anna Moe, replaced it by a lamp for petroleum. The tower is 31 meters high.",
            [
                ("When was the lighthouse built?", ["1794", "in 1794"]),
                ("Who built the lighthouse?", ["the brothers Tomas and Per Lindal", "Tomas and Per Lindal"]),
                ("What did the lamp burn before 1861?", ["whale oil"]),
                ("Who replaced the lamp?", ["Anna Moe", "the keeper, Anna Moe"]),
                ("How high is the tower?", ["31 meters"]),
                ("Who painted the tower?", []),
            ],
        ),
    ],
    "Salt_road": [
        (
            "The salt road leads from the harbor of Brenn to the town of Kalt. Caravans needed nine days for it, and "
            "eleven days in winter. In Kalt, salt was worth four times as much as in Brenn.",
            [
                ("Where does the salt road begin?", ["the harbor of Brenn", "Brenn"]),
                ("How long did caravans need in winter?", ["eleven days"]),
                ("What was worth more in Kalt?", ["salt"]),
                ("Who closed the salt road?", []),
            ],
        ),
        (
            "在冬天、商队需要十一天。盐在卡尔特的价格是布伦的四倍。",
            [("冬天商队需要多少天", ["十一天"])],
        ),
    ],
}


def make_squad(repeats: int = 1, has_impossible: bool = True) -> dict:
    """Returns the content of a SQuAD file; each repeat has other ids."""
    articles = [
        {
            "title": title,
            "paragraphs": [
                _paragraph(*each, f"{title[:4]}{repeat}p{number}", has_impossible)
                for number, each in enumerate(paragraphs)
            ],
        }
        for repeat in range(repeats)
        for title, paragraphs in ARTICLES.items()
    ]
    return {"version": "of the tests", "data": articles}


def _paragraph(context: str, questions: list, prefix: str, has_impossible: bool) -> dict:
    qas = [
        {
            "id": f"{prefix}q{number}",
            "question": question,
            "answers": [{"text": text, "answer_start": context.index(text)} for text in answers],
            **({"is_impossible": not answers} if has_impossible else {}),
        }
        for number, (question, answers) in enumerate(questions)
        if answers or has_impossible
    ]
    return {"context": context, "qas": qas}


def questions_of(squad: dict) -> list[tuple[str, dict]]:
    """Returns each question with its context."""
    return [(p["context"], qas) for article in squad["data"] for p in article["paragraphs"] for qas in p["qas"]]


def draw_answers(squad: dict, accuracy: float, seed: int) -> list[tuple[str, float]]:
    """Draws an answer and its probability for each question; a question is as difficult for all seeds."""
    generator = np.random.default_rng(seed)
    questions = questions_of(squad)
    difficulty = np.random.default_rng(7).normal(0, 1, len(questions)) + generator.normal(0, 0.5, len(questions))
    is_right = difficulty < np.quantile(difficulty, accuracy)
    return [
        (_answer(context, qas, right, generator), float(np.clip(0.9 - 0.2 * hard, 0.05, 0.99)))
        for (context, qas), right, hard in zip(questions, is_right, difficulty, strict=True)
    ]


def _answer(context: str, qas: dict, is_right: bool, generator: np.random.Generator) -> str:
    gold = [answer["text"] for answer in qas["answers"]]
    if is_right:
        return gold[0] if gold else ""
    if gold and "is_impossible" in qas and generator.random() < 0.3:
        return ""
    words = context.split()
    start = int(generator.integers(0, max(len(words) - 2, 1)))
    return " ".join(words[start : start + 2])


def score_answer(predicted: str, gold: list[str]) -> tuple[float, float]:
    """Returns exact match and F1 of an answer, without SQuAD's normalization."""
    pairs = [(predicted.split(), each.split()) for each in gold or [""]]
    return max(float(a == b) for a, b in pairs), max(_f1(a, b) for a, b in pairs)


def _f1(predicted: list[str], gold: list[str]) -> float:
    if not predicted or not gold:
        return float(predicted == gold)
    common = sum((collections.Counter(predicted) & collections.Counter(gold)).values())
    return 2 * common / (len(predicted) + len(gold))


def write_question_run(
    folder: Path, squad: dict, answers: list[tuple[str, float]], *, predict_file="dev.json", results=None, **options
) -> Path:
    """Writes a run with these answers; its scores follow from them."""
    questions = [qas for _, qas in questions_of(squad)]
    gold = [[answer["text"] for answer in qas["answers"]] for qas in questions]
    is_second = any("is_impossible" in qas for qas in questions)
    exact, f1 = np.array([score_answer(text, each) for (text, _), each in zip(answers, gold, strict=True)]).T
    scores = {"headline": "eval_f1", "eval_exact_match": exact.mean(), "eval_f1": f1.mean()}
    if is_second:
        has = np.array([bool(each) for each in gold])
        scores |= {
            "eval_HasAns_exact": exact[has].mean(),
            "eval_HasAns_f1": f1[has].mean(),
            "eval_NoAns_exact": exact[~has].mean() if not has.all() else 0.0,
            "eval_best_exact": exact.mean(),
            "eval_best_exact_thresh": -1.25,
            "eval_best_f1": f1.mean(),
            "eval_best_f1_thresh": -2.5,
        }
    guids = [qas["id"] for qas in questions]
    settings = {
        "task_name": "SQuAD-v2.0" if is_second else "SQuAD",
        "max_seq_length": 384,
        "doc_stride": 128,
        "version_2_with_negative": is_second,
    }
    # The speed counts windows, of which a question may have several.
    windows = {"eval_samples_per_second": len(guids)}
    scores = {**{name: value if isinstance(value, str) else float(value) for name, value in scores.items()}, **windows}
    write_scored_run(
        folder, f1, guids=guids, results={**scores, **(results or {})}, data_dir=None, **{**settings, **options}
    )
    content = json.loads((folder / "results.json").read_text())
    content["flags"] |= {"predict_file": str(predict_file), "n_best_size": 20, "do_eval": False, "do_predict": True}
    (folder / "results.json").write_text(json.dumps(content))
    (folder / "task.json").write_text(json.dumps({"kind": "question_answering", "version_2_with_negative": is_second}))
    rows = [["guid", "exact_match", "f1", "probability", "prediction", "answers"]]
    for guid, em, value, (text, probability), each in zip(guids, exact, f1, answers, gold, strict=True):
        rows.append([guid, em, value, probability, json.dumps(text, ensure_ascii=False), json.dumps(each)])
    text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    (folder / "eval_predictions.tsv").write_text(text, encoding="utf-8")
    return folder
