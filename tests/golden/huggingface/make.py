"""Makes the folders beside it, with transformers 5.24 and PyTorch 2.14: python make.py. Tests only read them.

Each folder is what `save_pretrained` of a model and its tokenizer leaves; answers.json has what transformers answers.
"""

import json
from pathlib import Path

import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertTokenizer,
)

HERE = Path(__file__).parent
TEXTS = ["It rains.", "the rain falls!", ["It rains.", "it falls"], ["", "Rain"], "a " * 40]
QUESTIONS = [
    ["What falls?", "It rains. The rain falls!"],
    ["", "rain"],
    ["Who?", "the  Ra\u00efn, it\nfalls"],
]
SENTENCES = [["It", "rains", "."], ["The", "Ra\u00efn", "falls", "!"], ["rain"]]
MASKED = ["It [MASK].", "the [MASK]\u00efn falls [MASK]", "[MASK]", "rain[MASK] falls [ MASK ] [mask]"]
WORDS = ["it", "rain", "##s", "falls", "the"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LOWER = [*SPECIAL, *"abcdefghijklmnopqrstuvwxyz.,!?", *WORDS]
CASED = [*SPECIAL, *"aIsRtx.,!?", *[word.title() for word in WORDS if "#" not in word], *WORDS, "##ains"]


def save(name: str, kind: type, pieces: list[str] = LOWER, dtype: torch.dtype = torch.float32, **settings) -> None:
    shards = {"max_shard_size": settings.pop("max_shard_size")} if "max_shard_size" in settings else {}
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=12,
        max_position_embeddings=24,
        # Larger than BERT's, so that texts differ in their answers.
        initializer_range=1.0,
        **settings,
    )
    torch.manual_seed(len(name))
    model = kind(config).to(dtype)
    if kind is BertForPreTraining:
        # New models have biases of 0 and layer norms of 1: none would be missed.
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter)
    vocab = HERE / "vocab.txt"
    vocab.write_text("".join(f"{piece}\n" for piece in pieces))
    tokenizer = BertTokenizer(str(vocab), do_lower_case=pieces is LOWER, model_max_length=24)
    vocab.unlink()
    model.save_pretrained(HERE / name, **shards)
    tokenizer.save_pretrained(HERE / name)
    if kind is BertForQuestionAnswering:
        ANSWERS[name] = [logits(model.eval(), tokenizer, *pair) for pair in QUESTIONS]
    if kind is BertForTokenClassification:
        ANSWERS[name] = [tag_logits(model.eval(), tokenizer, words) for words in SENTENCES]
    if kind in (BertForMaskedLM, BertForPreTraining):
        ANSWERS[name] = [mask_logits(model.eval(), tokenizer, text) for text in MASKED]
    if kind is BertForSequenceClassification:
        ANSWERS[name] = [answer(model.float().eval(), tokenizer, text) for text in TEXTS]


def answer(model: BertForSequenceClassification, tokenizer: BertTokenizer, text: str | list[str]) -> list[float]:
    pair = (text,) if isinstance(text, str) else text
    logits = model(**tokenizer(*pair, truncation=True, return_tensors="pt")).logits[0].double()
    kind = model.config.problem_type or ("regression" if len(logits) == 1 else "")
    turn = {"regression": lambda x: x, "multi_label_classification": torch.sigmoid}
    return turn.get(kind, lambda x: torch.softmax(x, -1))(logits).tolist()


def logits(model: BertForQuestionAnswering, tokenizer: BertTokenizer, question: str, context: str) -> dict:
    pieces = tokenizer(question, context, return_tensors="pt", return_offsets_mapping=True)
    offsets = pieces.pop("offset_mapping")[0].tolist()
    outputs, is_context = model(**pieces), [part == 1 for part in pieces.sequence_ids()]
    return {
        "question": question,
        "context": context,
        "start": outputs.start_logits[0].tolist(),
        "end": outputs.end_logits[0].tolist(),
        "places": [place if found else None for place, found in zip(offsets, is_context, strict=True)],
    }


def tag_logits(model: BertForTokenClassification, tokenizer: BertTokenizer, words: list[str]) -> dict:
    pieces = tokenizer(words, is_split_into_words=True, return_tensors="pt")
    of_word = pieces.word_ids()
    first = [at for at, word in enumerate(of_word) if word is not None and word != of_word[at - 1]]
    return {"words": words, "logits": model(**pieces).logits[0, first].tolist()}


def mask_logits(model: BertForMaskedLM | BertForPreTraining, tokenizer: BertTokenizer, text: str) -> dict:
    pieces = tokenizer(text, return_tensors="pt")
    outputs = model(**pieces)
    logits = outputs.logits if isinstance(model, BertForMaskedLM) else outputs.prediction_logits
    is_mask = pieces.input_ids[0] == tokenizer.mask_token_id
    return {"text": text, "pieces": pieces.input_ids[0].tolist(), "logits": logits[0, is_mask].tolist()}


def named(*labels: str) -> dict:
    return {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}


ANSWERS: dict[str, list] = {}
ONE, ANY = "single_label_classification", "multi_label_classification"
save("classifier", BertForSequenceClassification, problem_type=ONE, **named("not rain", "rain", "snow"))
save("two_unnamed_labels_in_float16", BertForSequenceClassification, dtype=torch.float16)
save("regression", BertForSequenceClassification, num_labels=1)
settings = {"problem_type": ANY, "max_shard_size": "1KB", **named("wet", "cold")}
save("multi_label_in_bfloat16_shards", BertForSequenceClassification, dtype=torch.bfloat16, **settings)
save("cased_masked_lm", BertForMaskedLM, CASED)
save("pretraining", BertForPreTraining)
save("token_classifier", BertForTokenClassification)
save("tagger", BertForTokenClassification, **named("O", "B-RAIN", "I-RAIN"))
save("question_answering", BertForQuestionAnswering)
(HERE / "answers.json").write_text(json.dumps({"texts": TEXTS, **ANSWERS}, indent=1) + "\n")
