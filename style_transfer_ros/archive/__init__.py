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
mcap_file, ros1_file,     one file of a bag: its topics, and its messages in order, past every damaged place
sqlite_file
block_file                what MCAP files and ROS 1 bags share
ros1_types                messages of ROS 1 as ROS 2 has them
bag_reader                a bag of any kind as one stream of CDR messages
bag_writer                a rosbag2 bag in MCAP that appears only when it is complete
locations                 files and folders, as paths or as URLs of object storage
image_messages            image messages to pictures and back
latched                   what late subscribers get at the time where a part of a bag begins
painting                  reading, decoding, painting and encoding that overlap, in bounded memory
plan                      a bag cut into windows of time and segments, as JSON
unfinished                the folder of a run that is not complete, and how it goes on
bags, videos, folders     a bag, a video or pictures painted in this process
segments                  what workers do: a segment painted into a part; parts and other topics joined into a bag
cluster                   workers on Dask
distributed_runs          bags, videos and pictures painted on workers
recording                 messages of a running system written into a bag
report, session           counts, damage and the exit code; one run of a tool
progress                  a progress bar with rate and time left
========================  ============================================================================================
"""
