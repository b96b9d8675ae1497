"""Stores the large weights of an ONNX graph as fp16, each followed by a cast: the runtime still computes in fp32."""

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


def halve(path, min_elements=64):
    """
    Rewrites the file. The trained weights must have been rounded to fp16 before their loss was measured, so that the graph
    computes exactly what was measured.
    """
    model = onnx.load(path)
    graph = model.graph
    kept, casts = [], []
    for initializer in graph.initializer:
        values = numpy_helper.to_array(initializer)
        if initializer.data_type != TensorProto.FLOAT or values.size < min_elements:
            kept.append(initializer)
            continue
        half = values.astype(numpy.float16)
        if not numpy.array_equal(half.astype(numpy.float32), values):
            kept.append(initializer)
            continue
        name = initializer.name + "_fp16"
        kept.append(numpy_helper.from_array(half, name))
        casts.append(helper.make_node("Cast", [name], [initializer.name], name + "_to_fp32", to=TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(casts + nodes)
    # Where the file was made is nobody's business, and would change its hash from machine to machine.
    for node in graph.node:
        node.doc_string = ""
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return sum(1 for _ in casts)


def round_to_half(module):
    """Rounds every parameter to the nearest fp16 value, in place."""
    for parameter in module.parameters():
        parameter.data = parameter.data.half().float()
