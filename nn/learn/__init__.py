"""Lessons 7 to 13: networks on the learner's own engine. `engine.learn.course` looks this room up by name."""

from nn.learn.blanks import VOLUME
from nn.learn.code_slips import SLIPS
from nn.learn.lessons import CHECKS, LESSONS


__all__ = ["CHECKS", "LESSONS", "SLIPS", "VOLUME"]
