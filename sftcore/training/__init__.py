"""Training: a `transformers.Trainer` extended by documented means. Import `sftcore.training.train` when it is time."""
