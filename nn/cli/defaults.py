"""What --help says of a default."""

from __future__ import annotations

import argparse


class Defaults(argparse.ArgumentDefaultsHelpFormatter):
    """Defaults that are something: what is None unless it is given has its own words."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)
