"""Small files in the forms of XNLI and PAWS-X, with sentences of the project's own in their languages."""

# ruff: noqa: RUF001 (letters of many scripts)

from collections.abc import Iterable
from pathlib import Path

from bert_tf.data.basic_tokenizer import basic_tokens

# A sentence, one that follows from it, one that contradicts it, and one that does neither.
SENTENCES = {
    "ar": ("الطاحونة قديمة جدا .", "الطاحونة قديمة .", "الطاحونة جديدة .", "الطاحونة لامرأة ."),
    "bg": ("Мелницата е много стара .", "Мелницата е стара .", "Мелницата е нова .", "Мелницата е на жена ."),
    "de": ("Die Mühle ist sehr alt .", "Die Mühle ist alt .", "Die Mühle ist neu .", "Die Mühle gehört einer Frau ."),
    "el": ("Ο μύλος είναι πολύ παλιός .", "Ο μύλος είναι παλιός .", "Ο μύλος είναι νέος .", "Ο μύλος είναι ψηλός ."),
    "en": ("The mill is very old .", "The mill is old .", "The mill is new .", "The mill belongs to a woman ."),
    "es": ("El molino es muy viejo .", "El molino es viejo .", "El molino es nuevo .", "El molino es de una señora ."),
    "fr": ("Le moulin est très vieux .", "Le moulin est vieux .", "Le moulin est neuf .", "Le moulin est à une fée ."),
    "hi": ("चक्की बहुत पुरानी है ।", "चक्की पुरानी है ।", "चक्की नई है ।", "चक्की एक औरत की है ।"),
    "ja": ("その水車小屋はとても古い。", "その水車小屋は古い。", "その水車小屋は新しい。", "その水車小屋は高い。"),
    "ko": ("그 방앗간은 아주 오래되었다 .", "그 방앗간은 오래되었다 .", "그 방앗간은 새롭다 .", "그 방앗간은 크다 ."),
    "ru": ("Мельница очень старая .", "Мельница старая .", "Мельница новая .", "Мельница стоит у реки ."),
    "sw": ("Kinu ni cha zamani sana .", "Kinu ni cha zamani .", "Kinu ni kipya .", "Kinu ni cha mwanamke ."),
    "th": ("โรงสีนั้นเก่ามาก", "โรงสีนั้นเก่า", "โรงสีนั้นใหม่", "โรงสีนั้นเป็นของผู้หญิง"),
    "tr": ("Değirmen çok eski .", "Değirmen eski .", "Değirmen yeni .", "Değirmen bir kadının ."),
    "ur": ("چکی بہت پرانی ہے ۔", "چکی پرانی ہے ۔", "چکی نئی ہے ۔", "چکی ایک عورت کی ہے ۔"),
    "vi": ("Cối xay rất cũ .", "Cối xay cũ .", "Cối xay mới .", "Cối xay là của một người phụ nữ ."),
    "zh": ("这座磨坊很老。", "这座磨坊老。", "这座磨坊是新的。", "这座磨坊属于一位女士。"),
}
XNLI_LANGUAGES = ("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")
PAWSX_LANGUAGES = ("de", "en", "es", "fr", "ja", "ko", "zh")
XNLI_HEADER = (
    *("language", "gold_label", "sentence1_binary_parse", "sentence2_binary_parse", "sentence1_parse"),
    *("sentence2_parse", "sentence1", "sentence2", "promptID", "pairID", "genre"),
    *("label1", "label2", "label3", "label4", "label5", "sentence1_tokenized", "sentence2_tokenized", "match"),
)
XNLI_LABELS = ("entailment", "contradiction", "neutral")


def write_xnli(folder: Path, languages: Iterable[str] = XNLI_LANGUAGES, repeats: int = 1) -> Path:
    """Writes XNLI's files: a training set for each language, and the other two with all languages."""
    languages = list(languages)
    for language in languages:
        rows = [(*texts, label.replace("contradiction", "contradictory")) for *texts, label in _pairs(language)]
        _write(folder / f"multinli/multinli.train.{language}.tsv", ("premise", "hypo", "label"), rows * repeats)
    rows = [xnli_row(language, *pair) for language in languages for pair in _pairs(language)]
    for split in ("dev", "test"):
        _write(folder / f"xnli.{split}.tsv", XNLI_HEADER, rows)
    return folder


def xnli_row(language: str, premise: str, hypothesis: str, label: str) -> tuple[str, ...]:
    """Makes a row of XNLI-1.0: 19 columns, the parses of which are empty except in English."""
    labels = [label] * 5
    return (language, label, *[""] * 4, premise, hypothesis, "7", "70", "fiction", *labels, premise, hypothesis, "True")


def write_pawsx(folder: Path, languages: Iterable[str] = PAWSX_LANGUAGES, repeats: int = 1) -> Path:
    """Writes PAWS-X's files: three for each language."""
    for language in languages:
        rows = [(first, second, str(int(label == "entailment"))) for first, second, label in _pairs(language)]
        for name in ("train" if language == "en" else "translated_train", "dev_2k", "test_2k"):
            numbered = [(str(number), *row) for number, row in enumerate(rows * repeats, start=1)]
            _write(folder / f"x-final/{language}/{name}.tsv", ("id", "sentence1", "sentence2", "label"), numbered)
    return folder


def words_of(languages: Iterable[str], do_lower_case: bool) -> list[str]:
    """Returns the words of the sentences, as a vocabulary for these languages could have them."""
    texts = [text for language in languages for text in SENTENCES[language]]
    return sorted({word for text in texts for word in basic_tokens(text, do_lower_case)})


def _pairs(language: str) -> list[tuple[str, str, str]]:
    premise, *hypotheses = SENTENCES[language]
    return [(premise, hypothesis, label) for hypothesis, label in zip(hypotheses, XNLI_LABELS, strict=True)]


def _write(path: Path, header: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("\t".join(row) + "\n" for row in (header, *rows)), encoding="utf-8")
