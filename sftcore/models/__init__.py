"""The base model and its tokenizer: found, loaded and made ready, or made from nothing."""
