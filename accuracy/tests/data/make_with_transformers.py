#!/usr/bin/env python3
"""Tiny random checkpoints, saved by the library that ordinary checkpoints come from, and what it
computes with them, in float64. Written with torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3,
safetensors 0.8.0, numpy 2.4.6 and Python 3.

    transformers/bert_qa             question answering
    transformers/bert_classifier     3 classes
    transformers/roberta_qa          question answering, in shards
    transformers/roberta_classifier  regression: 1 output
    transformers/llama_tied          embeddings as output layer
    transformers/llama_grouped       2 heads to a KV head, in shards

    pip install torch transformers numpy
    python3 accuracy/tests/data/make_with_transformers.py
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertTokenizerFast,
    LlamaConfig,
    LlamaForCausalLM,
    RobertaConfig,
    RobertaForQuestionAnswering,
    RobertaForSequenceClassification,
    RobertaTokenizerFast,
)

FOLDER = Path(__file__).parent / "transformers"
POSITIONS = 40
# What tokens are made of and RoBERTa's are learned from. Some letters have more bytes than one.
QUESTION = "What lifts the boat at the café?"
PASSAGE = (
    "The lock at the Café Zoë lifts the boat: its keeper opens a gate, the water rises, and the "
    "boat leaves by the other gate. A lower lock then lifts the water's next boat."
)
SHORT = "The keeper's boat rises."
# Tokens of a window, special ones included, and those that neighbors share.
WINDOW, STRIDE = 30, 7


def randomize(model, seed):
    """Weights that matter: those of a new model are nearly 0."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        norm = "norm" in name.lower() and name.endswith("weight")
        scale, mean = (0.2, 1.0) if norm else (0.4, 0.0)
        weight.data = mean + scale * torch.randn(weight.shape, generator=generator)


def bert_tokenizer():
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = "' , . : ? the what at cafe lock boat gate water lift keep open ##er ##es ##s".split()
    letters = [chr(letter) for letter in range(ord("a"), ord("z") + 1)]
    tokens = special + words + letters + [f"##{letter}" for letter in letters]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    return BertTokenizerFast(vocab=vocabulary, do_lower_case=True)


def roberta_tokenizer():
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=72, special_tokens=special, show_progress=False
    )
    trained.train_from_iterator([QUESTION, PASSAGE], trainer)
    state = json.loads(trained.to_str())["model"]
    merges = [tuple(merge) for merge in state["merges"]]
    return RobertaTokenizerFast(vocab=state["vocab"], merges=merges)


def spans(encoding, window, passage):
    """Bytes of the passage of each token, as [start, end]; [-1, -1] of other tokens."""
    own = 1 if 1 in encoding.sequence_ids(window) else 0
    to_bytes = lambda characters: len(passage[:characters].encode())
    return torch.tensor(
        [
            [to_bytes(start), to_bytes(end)] if sequence == own else [-1, -1]
            for sequence, (start, end) in zip(
                encoding.sequence_ids(window), encoding["offset_mapping"][window], strict=True
            )
        ]
    )


def texts(tokenizer):
    """Tokens of a pair, of a text alone, and of the windows of a passage."""
    common = dict(
        return_offsets_mapping=True,
        return_overflowing_tokens=True,
        return_token_type_ids=True,
        truncation="only_second",
        max_length=WINDOW,
        stride=STRIDE,
    )
    whole = dict(common, truncation=False, max_length=None, stride=0)
    made = {}
    for name, encoding, passage in [
        ("pair", tokenizer([QUESTION], [SHORT], **whole), SHORT),
        ("single", tokenizer([SHORT], **whole), SHORT),
        ("window", tokenizer([QUESTION], [PASSAGE], **common), PASSAGE),
    ]:
        for index, ids in enumerate(encoding["input_ids"]):
            label = f"{name}.{index}" if name == "window" else name
            made[f"{label}.ids"] = torch.tensor(ids)
            made[f"{label}.types"] = torch.tensor(encoding["token_type_ids"][index])
            made[f"{label}.spans"] = spans(encoding, index, passage)
    return made


def run_encoder(model, expected):
    """Both texts in one batch, the second one padded."""
    lengths = [len(expected[f"{name}.ids"]) for name in ("pair", "single")]
    padding = model.config.pad_token_id
    pad = lambda part, value: torch.nn.utils.rnn.pad_sequence(
        [expected[f"{name}.{part}"] for name in ("pair", "single")],
        batch_first=True,
        padding_value=value,
    )
    mask = torch.tensor([[int(i < n) for i in range(max(lengths))] for n in lengths])
    with torch.no_grad():
        output = model.double().eval()(
            input_ids=pad("ids", padding),
            token_type_ids=pad("types", 0),
            attention_mask=mask,
            output_hidden_states=True,
        )
    for index, name in enumerate(("pair", "single")):
        own = slice(0, lengths[index])
        expected[f"{name}.hidden"] = output.hidden_states[-1][index, own]
        if "logits" in output:
            expected[f"{name}.logits"] = output.logits[index]
        else:
            expected[f"{name}.start"] = output.start_logits[index, own]
            expected[f"{name}.end"] = output.end_logits[index, own]


def save(name, model, tokenizer, expected, shards):
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    model.float().save_pretrained(folder, max_shard_size="16KB" if shards else "1GB")
    if tokenizer is not None:
        tokenizer.save_pretrained(folder)
    expected = {
        part: (tensor.float() if tensor.is_floating_point() else tensor).contiguous()
        for part, tensor in expected.items()
    }
    save_file(expected, folder / "expected.safetensors")
    for file in folder.iterdir():
        file.chmod(0o644)


def encoder(name, config, model, tokenizer, seed, shards=False, **more):
    config = config(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        pad_token_id=tokenizer.pad_token_id,
        attn_implementation="eager",
        **more,
    )
    model = model(config)
    randomize(model, seed)
    expected = texts(tokenizer)
    run_encoder(model, expected)
    save(name, model, tokenizer, expected, shards)


def decoder(name, seed, shards=False, **more):
    config = LlamaConfig(
        vocab_size=50,
        hidden_size=16,
        num_hidden_layers=2,
        intermediate_size=24,
        max_position_embeddings=POSITIONS,
        attn_implementation="eager",
        **more,
    )
    model = LlamaForCausalLM(config)
    randomize(model, seed)
    ids = torch.randint(50, (1, 21), generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        output = model.double().eval()(ids, labels=ids, output_hidden_states=True)
    expected = {
        "ids": ids[0],
        "hidden": output.hidden_states[-1][0],
        "logits": output.logits[0],
        "loss": output.loss.reshape(1),
    }
    save(name, model, None, expected, shards)


def main():
    bert = dict(
        config=BertConfig,
        tokenizer=bert_tokenizer(),
        max_position_embeddings=POSITIONS,
    )
    roberta = dict(
        config=RobertaConfig,
        tokenizer=roberta_tokenizer(),
        max_position_embeddings=POSITIONS + 2,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
    )
    classes = dict(num_labels=3)
    encoder("bert_qa", model=BertForQuestionAnswering, seed=1, **bert)
    encoder("bert_classifier", model=BertForSequenceClassification, seed=2, **bert, **classes)
    encoder("roberta_qa", model=RobertaForQuestionAnswering, seed=3, shards=True, **roberta)
    regression = dict(num_labels=1)
    encoder(
        "roberta_classifier",
        model=RobertaForSequenceClassification,
        seed=4,
        **roberta,
        **regression,
    )
    decoder("llama_tied", 5, num_attention_heads=2, tie_word_embeddings=True)
    decoder(
        "llama_grouped",
        6,
        shards=True,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=6,
        rope_parameters={"rope_type": "default", "rope_theta": 500.0},
        tie_word_embeddings=False,
    )


if __name__ == "__main__":
    main()
