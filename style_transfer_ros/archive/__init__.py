# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
The archive: repaint bags, videos and folders of pictures, on one machine or on a cluster.  Never imports rclpy.

========================  ============================================================================================
module                    what it knows
========================  ============================================================================================
records                   what a bag holds: topics, messages, and damage where a message should be
mcap_file, sqlite_file,   one file of a bag: its topics, and its messages in order, past every damaged place
ros1_file
bag_reader                a bag of any kind as one stream of CDR messages
bag_writer                a rosbag2 bag in MCAP that appears only when it is complete
image_messages            image messages to pictures and back
painting                  reading, decoding, painting and encoding that overlap, in bounded memory
plan                      a bag cut into windows of time and segments, as JSON
segment, join             a segment painted into a part; parts and other topics joined into a bag
executors                 where segments are painted: in this process, or on Dask
videos, pictures_in       videos and pictures, read and written
progress                  a progress bar with rate and time left
========================  ============================================================================================
"""
