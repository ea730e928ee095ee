"""Reads a page of the report, and collects what is wrong in its structure."""

import html.parser

VOID = {"meta", "link", "img", "br", "input"}


class Checker(html.parser.HTMLParser):
    """Collects elements that are not closed in the reverse order of their opening."""

    def __init__(self):
        super().__init__()
        self.open, self.errors, self.seen = [], [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.errors.append((tag, self.getpos()))


def checked(report):
    checker = Checker()
    checker.feed(report.read_text())
    return checker
