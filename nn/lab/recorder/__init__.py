"""The flight recorder: every update of a training, to ask why and whom it helped, to undo, to repeat, to save.

recording   the Recorder that `fit(record=...)` takes: it watches a training and writes the log
log         what is kept of each update, and thinned; where the numbers of the others come from
replay      the updates of a log made once more
why, harm, compare, jsonl   what a history answers
"""

from nn.lab.recorder.compare import Comparison
from nn.lab.recorder.harm import Harm
from nn.lab.recorder.log import Log, Whole
from nn.lab.recorder.recording import Recorder, recorder_of
from nn.lab.recorder.why import Why


__all__ = ["Comparison", "Harm", "Log", "Recorder", "Whole", "Why", "recorder_of"]
