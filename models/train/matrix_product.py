"""Writes models/tensor/matrix-product/model.onnx: the product of two matrices of any size, for the generic tensor task.

Nothing is trained. Needs Debian's python3-onnx. Run: python3 models/train/matrix_product.py
"""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

target = Path(__file__).resolve().parent.parent / "tensor" / "matrix-product" / "model.onnx"

graph = helper.make_graph(
    [helper.make_node("MatMul", ["a", "b"], ["product"])],
    "matrix-product",
    [
        helper.make_tensor_value_info("a", TensorProto.FLOAT, ["rows", "inner"]),
        helper.make_tensor_value_info("b", TensorProto.FLOAT, ["inner", "columns"]),
    ],
    [helper.make_tensor_value_info("product", TensorProto.FLOAT, ["rows", "columns"])],
)
model = helper.make_model(graph, producer_name="buffalo", opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 8
onnx.checker.check_model(model)
target.parent.mkdir(parents=True, exist_ok=True)
target.write_bytes(model.SerializeToString())
print(f"{target}: {target.stat().st_size} bytes")
