"""Runs Spark SQL in Sail as a process of its own: python sail_sql.py STATEMENT...

Sail has no catalog of its own on disk: a table is made known by its location first.
"""
import sys

from pysail.spark import SparkConnectServer
from pyspark.sql import SparkSession

server = SparkConnectServer("127.0.0.1", 0)
server.start(background=True)
_, port = server.listening_address
spark = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()
for statement in sys.argv[1:]:
    spark.sql(statement).collect()
