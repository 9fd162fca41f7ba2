"""The run folder: the evidence of a run, and everything needed to use, judge, reproduce and verify its model."""
