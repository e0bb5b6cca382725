"""Paint a picture with a mix of two styles: the engine without ROS."""
import cv2

from style_transfer_ros.engine import read_picture, Stylizer

stylizer = Stylizer.load()
wave, poppies = (stylizer.learn_style(read_picture(f'styles/{name}.jpg')) for name in ('great_wave', 'poppies'))
frame = read_picture('scenes/mountains.jpg')                       # (H, W, 3) uint8 RGB
painted = stylizer.paint(frame, stylizer.mix([wave, poppies], [2, 1]), strength=0.9)
cv2.imwrite('painted.png', painted[..., ::-1])
