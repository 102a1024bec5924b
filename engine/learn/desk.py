"""The learner's desk: the files in a folder, and what the commands say about them."""

from __future__ import annotations

import time
from pathlib import Path
from textwrap import shorten, wrap

from engine.learn.course import course, lessons
from engine.learn.judging import PASSED, TODO, Judge, Verdict
from engine.learn.lessons import LESSONS
from engine.learn.loading import Code, Trouble
from engine.learn.meaning import meaning
from engine.learn.telling import TRY, WIDTH, failure, progress
from engine.learn.watch import TimeUp, limited


START = "python -m engine.learn start"


class NoFile(FileNotFoundError):
    """The learner's file is not there."""


class Desk:
    """The files of a learner: `my_engine.py` or another name, and beside it my_nn.py once it is started."""

    def __init__(self, path: str | Path = "my_engine.py", upto: int = 99, seconds: float = 10.0) -> None:
        self.path = Path(path)
        last = lessons()[-1].number
        if not self.path.name or self.path.is_dir():
            raise ValueError(f"{self.path} is a folder; write the name of your file")
        if not seconds > 0:
            raise ValueError(f"a check may take {seconds:g} seconds; write a number above 0")
        if not 0 <= upto <= last and upto != 99:
            raise ValueError(f"there is no lesson {upto}; there are 0 to {last}")
        self.upto, self.seconds = min(upto, last), seconds
        self.course = course(self.upto)
        self.files = {v.name: self.path if k == 0 else self.path.with_name(v.name) for k, v in enumerate(self.course.volumes)}

    def texts(self) -> dict[str, str]:
        """What stands in the files that are there."""
        if not self.path.is_file():
            raise NoFile(f"{self.path} is not here; {START} writes it")
        try:
            return {name: path.read_text(encoding="utf-8") for name, path in self.files.items() if path.is_file()}
        except UnicodeDecodeError as e:
            raise ValueError(f"{self.path} is not text in UTF-8: {e.reason} at byte {e.start}") from None

    def judged(self) -> tuple[Judge, list[Verdict]]:
        """The verdicts on every check up to the last lesson asked for."""
        return self.looked_at()[:2]

    def looked_at(self) -> tuple[Judge, list[Verdict], str]:
        """The same, and what keeps the files from being judged at all."""
        texts = self.texts()
        code = Code({v.name: texts[v.name] for v in self.course.volumes if v.name in texts})
        filled: dict[str, tuple[int, bool]] = {}
        self.places: dict[str, tuple[str, int]] = {}
        for v in self.course.volumes:
            found = v.locate(texts[v.name]) if v.name in texts else {b.key: (1, False) for b in v.blanks}
            filled |= found
            self.places |= {b.key: (self.files[v.name].name, found.get(b.key, (1, False))[0]) for b in v.blanks}
        judge = Judge(self.course, code, filled, self.seconds)
        checks = sorted((c for c in self.course.checks if c.lesson <= self.upto), key=lambda c: c.lesson)
        label = self.borrowed(judge)
        return judge, [] if label else judge.run(checks), label

    def report(self) -> tuple[bool, str]:
        """Whether all is passed, and what is to be said: one failure, at most 14 lines."""
        try:
            judge, verdicts, label = self.looked_at()
        except Trouble as e:
            return False, self._mend(e.file, e.line, e.text, e.code)
        except NoFile as e:
            return False, str(e)
        if label:
            return False, label
        line = progress([n for n in lessons() if n.number <= self.upto], verdicts)
        first = next((v for v in verdicts if v.state != PASSED), None)
        if first is None:
            return True, f"all lessons up to L{self.upto} are done\n{line}"
        if first.check.lesson > LESSONS[-1].number and (label := self.unreadable(judge, 99)):
            return False, label
        if first.state == TODO and first.check.lesson > LESSONS[-1].number and not self.files["my_nn.py"].exists():
            return False, f"L0 to L6 are done.  {START} writes my_nn.py for the rest\n{line}"
        first = next((v for v in verdicts if v.state not in (PASSED, TODO) and v.check.lesson == first.check.lesson), first)
        return False, "\n".join([*failure(judge, first, self.places), "", line])

    def borrowed(self, judge: Judge) -> str:
        """A line that says so if the file cannot be read, or only passes on what the shipped engine has."""
        if said := self.unreadable(judge, 1):
            return said
        with limited(self.seconds), judge.code.running(1) as m:
            module = getattr(getattr(m, "Value", None), "__module__", "")
        if module.split(".")[0] in ("engine", "nn"):
            return f"{self.path.name}: this is the shipped engine ({module}), not yours.\n  no check counts; {START} writes a file with blanks"
        return ""

    def unreadable(self, judge: Judge, files: int) -> str:
        """What keeps the first of the files from being read at all, with the line it stands in."""
        try:
            with limited(self.seconds), judge.code.running(files):
                return ""
        except (Exception, SystemExit, TimeUp) as e:  # the learner's code may raise anything
            file, line = judge.code.place(e) or (self.path.name, 1)
            said = "no end in sight: is there a loop that never ends?" if isinstance(e, TimeUp) else f"{type(e).__name__}: {e}"
            code = judge.code.line(file, line)
            return self._mend(file, line, said, code, meaning(e, row="Row(" in code))

    def _mend(self, file: str, line: int, text: str, code: str, means: str = "") -> str:
        """A line that Python cannot read or run: where, what it says, the line itself, what that means here."""
        shown = self.files[file].name if file in self.files else file
        lines = [f"{shown}:{line}  {shorten(text, WIDTH - len(shown) - 8, placeholder=' ...')}"]
        lines += [f"    {code.strip():.{WIDTH - 4}}"] if code.strip() else []
        lines += wrap(means, WIDTH, initial_indent="  ", subsequent_indent="  ")
        return "\n".join([*lines, "  mend that line, then run the same command again"])

    def start(self) -> str:
        """Write the files that are not there yet; never over one that is."""
        said = []
        for v in self.course.volumes:
            path = self.files[v.name]
            if v.name != "my_engine.py" and not self._ready_for(v.name):
                continue
            if path.exists():
                said.append(f"{path} is here already and stays as it is")
            else:
                path.write_text(v.text(), encoding="utf-8")
                said.append(f"{path} written: it has {len(v.blanks)} blanks, each marked TODO or NotYet")
        return "\n".join([*said, "next: python -m engine.learn"])

    def _ready_for(self, name: str) -> bool:
        """Whether the lessons before a later file are done."""
        if not self.path.exists():
            return False
        return Desk(self.path, 6, self.seconds).report()[0]

    def next_blank(self) -> tuple[str, Judge, list[Verdict]]:
        """The blank that the first open check is about."""
        judge, verdicts = self.judged()
        first = next((v for v in verdicts if v.state != PASSED), None)
        if first is None:
            return "", judge, verdicts
        slip = judge.cause(first) if first.state != TODO else None
        return (slip.blank if slip else next(iter(judge.empty(first.check)), first.check.needs[0])), judge, verdicts

    def hint(self, level: int) -> str:
        """The hint of that level about the next blank."""
        if level not in (1, 2, 3):
            raise ValueError(f"hints have levels 1, 2 and 3, not {level}")
        key, judge, _ = self.next_blank()
        if not key:
            return "nothing is left to hint at"
        b = judge.course.blanks[key]
        file, line = self.places.get(key, (self.path.name, 1))
        more = f"more: {TRY} {level + 1}" if level < 3 else "the shipped lines: python -m engine.learn show --give-up"
        text = b.hints[level - 1]
        if level < 3:
            lines = [s for part in text.splitlines() for s in wrap(part, WIDTH - 2)]
        else:
            lines = (f"{b.name} = {text}" if b.name else text).splitlines()
        return "\n".join([f"{file}:{line}  {key}   hint {level} of 3", *("  " + s for s in lines), more])

    def show(self, give_up: bool) -> str:
        """What the shipped source says in the blank that was filled last, or in the next one."""
        key, judge, verdicts = self.next_blank()
        if not give_up:
            passed = [v for v in verdicts if v.state == PASSED]
            if not passed:
                return "nothing is passed yet; --give-up shows the next blank"
            key = passed[-1].check.needs[0]
        elif not key:
            return "every blank is passed"
        b = judge.course.blanks[key]
        volume = next(v for v in judge.course.volumes if b in v.blanks)
        return "\n".join([f"{key}, as it is shipped:", *("  " + s for s in volume.solution(b).splitlines())])

    def map(self) -> str:
        """Every lesson, with its marks."""
        _, verdicts = self.judged()
        lines = []
        for n in lessons():
            own = [v for v in verdicts if v.check.lesson == n.number]
            done = sum(v.state == PASSED for v in own)
            head = f"L{n.number:<3} {n.title:36}{done} of {len(own):<3}"
            room = [k for k in range(len(n.eq) + 1) if len(head + ", ".join(n.eq[:k])) <= WIDTH]
            lines.append((head + ", ".join(n.eq[: room[-1]])).rstrip())
        return "\n".join(lines)

    def reset(self, lesson: int) -> str:
        """Empty the blanks of a lesson again; what stood there is kept in a file beside."""
        texts, said = self.texts(), []
        for v in self.course.volumes:
            keys = {b.key for b in v.blanks if b.lesson == lesson}
            if keys and v.name in texts:
                path = self.files[v.name]
                kept = path.with_suffix(f".{time.strftime('%Y%m%d-%H%M%S')}.kept")
                try:
                    text = v.reset(texts[v.name], keys)
                except (SyntaxError, StopIteration, KeyError, IndexError):
                    raise ValueError(f"{path.name} has lost the place of a blank of L{lesson}; move it away and run {START}") from None
                kept.write_text(texts[v.name], encoding="utf-8")
                path.write_text(text, encoding="utf-8")
                said.append(f"{path.name}: {len(keys)} blank{'s' * (len(keys) > 1)} of L{lesson} empty again")
                said.append(f"  what stood there is in {kept.name}")
        return "\n".join(said) or f"L{lesson} has no blanks"

