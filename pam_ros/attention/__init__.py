# SPDX-License-Identifier: Apache-2.0
"""Attention weights to maps to pictures. NumPy and OpenCV only; knows no ROS and no torch.

Example:
    from pam_ros.attention.maps import attention_maps
    from pam_ros.attention.overlay import Overlay
    from pam_ros.attention.scale import RunningScale

    maps = attention_maps(output.attention, policy.spec.layout)
    overlay, scale = Overlay(), RunningScale()               # as the robot draws
    full_scale = scale.scale(maps)
    for camera in maps.cameras:
        grid = (camera.x0, camera.y0, camera.dx, camera.dy)
        image = observation[camera.feature]
        picture = overlay.draw(image, camera.cells, *grid, full_scale, maps.joint_state_share)
"""
