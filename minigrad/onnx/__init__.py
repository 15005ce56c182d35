"""Models as ONNX files, which other programs run. Needs the package ``onnx`` to write one."""

from minigrad.onnx import arranging as arranging  # its operators enter the table
from minigrad.onnx import windows as windows
from minigrad.onnx.export import export as export
