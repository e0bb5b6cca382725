"""The only place that imports rclpy, which ends the process where its middleware is missing: so that is said first."""
import sys

from style_transfer_ros.engine.errors import StyleTransferError
from style_transfer_ros.start_values import check_middleware

try:
    check_middleware()
except StyleTransferError as error:
    sys.exit(str(error))
