"""The page that a run ends in: report.html, one file that opens offline.

`Evidence` is what a run folder says, read once; `write_report` turns it into the page. Each section is a module with
a function from evidence and words to a `Section`; `sftcore.report.page.SECTIONS` is their order.
"""

from sftcore.report.evidence import Evidence as Evidence
from sftcore.report.page import write_report as write_report
