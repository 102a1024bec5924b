"""Views of a gradient graph: the plain record under all of them, and the pictures.

record                       the graph as frozen data: what every view reads
scopes, groups             units and layers, told by roles; collapsing them, with exact numbers
marks, boxes, picture      what a picture says: signs and colours, the cells of a box, arrows and a legend
highlight, network         the paths of a gradient in it; units and weights as textbooks draw them
layout, svg                the built-in drawing
dot, gradgraph, draw       the same in the DOT language, as a `graphviz.Digraph`; imported when something is drawn
"""

from engine.view.draw import GraphTooLarge, draw, draw_dot
from engine.view.record import Edge, Node, Record, record
from engine.view.scopes import Scope


__all__ = ["Edge", "GraphTooLarge", "Node", "Record", "Scope", "draw", "draw_dot", "record"]
