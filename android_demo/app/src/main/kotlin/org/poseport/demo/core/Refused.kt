package org.poseport.demo.core

import java.io.IOException

/** Why something is not used: one sentence for the person who holds the phone, and one word for programs. */
class Refused(message: String, val obstacle: Obstacle = Obstacle.MODEL) : Exception(message)

/** What stands in the way: no such hardware here, an operation that it cannot do, too little memory, or the file. */
enum class Obstacle { NO_DELEGATE, UNSUPPORTED, MEMORY, MODEL }

/** What went wrong with a file, in words: Java's own message begins with the whole path. */
fun IOException.words(): String {
    val said = message ?: return javaClass.simpleName
    val reason = Regex("\\(([^()]+)\\)\\s*$").find(said)?.groupValues?.get(1) ?: said
    return if ('/' in reason) javaClass.simpleName else reason
}
