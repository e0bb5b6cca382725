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
