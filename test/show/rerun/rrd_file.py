# SPDX-License-Identifier: Apache-2.0
"""Reads an .rrd file back."""

import cv2
import numpy as np
from rerun import dataframe


class Rrd:
    """What an .rrd file holds."""

    def __init__(self, path):
        self.recording = dataframe.load_recording(path)

    def entities(self):
        return {column.entity_path for column in self.recording.schema().component_columns()}

    def values(self, entity, component, index="stamp"):
        """(index, value) of every row of an entity; stamps in ns."""
        view = self.recording.view(index=index, contents=entity)
        table = view.select(index, f"{entity}:{component}").read_all()
        times = table.column(0)
        times = times.cast("int64") if index == "stamp" else times
        rows = zip(times.to_pylist(), table.column(1).to_pylist(), strict=True)
        return [(time, value[0]) for time, value in rows if value is not None]

    def pictures(self, entity, index="stamp"):
        return [
            (time, np.asarray(cv2.imdecode(np.array(blob, np.uint8), cv2.IMREAD_COLOR))[..., ::-1])
            for time, blob in self.values(entity, "EncodedImage:blob", index)
        ]

    def numbers(self, entity, index="stamp"):
        return self.values(entity, "Scalars:scalars", index)
