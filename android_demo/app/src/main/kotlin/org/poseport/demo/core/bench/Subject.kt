package org.poseport.demo.core.bench

import org.poseport.demo.core.Network
import org.poseport.demo.core.Times

/** What is known of some items that were looked at once each: for the part's JSON, and the raw outputs. */
internal class Looked(val values: Map<String, Any?>, val outputs: List<ByteArray> = emptyList())

/** What a run measures, open and ready: people or pictures, one after the other. */
internal interface Subject : AutoCloseable {
    /** The network that runs on the hardware that was asked for. */
    val network: Network

    /** Look at the first item, before anything is counted; nanoseconds. */
    fun first(): Long

    /** Look at [count] items from [first] on, once each. */
    fun look(first: Int, count: Int): Looked

    /** Look [warmUp] times uncounted, then [repeat] times; the times, for `result.json`. */
    fun time(warmUp: Int, repeat: Int): Map<String, Any?>
}

/** The three times of each item, for JSON. */
internal fun nanoseconds(all: List<Times>): Map<String, Any?> = mapOf(
    "prepare_ns" to all.map { it.prepare }, "invoke_ns" to all.map { it.invoke }, "decode_ns" to all.map { it.decode },
)
