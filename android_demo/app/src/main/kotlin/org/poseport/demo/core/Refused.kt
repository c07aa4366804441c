package org.poseport.demo.core

/** Why something is not used: one sentence for the person who holds the phone, and one word for programs. */
class Refused(message: String, val obstacle: Obstacle = Obstacle.MODEL) : Exception(message)

/** What stands in the way: no such hardware here, an operation that it cannot do, too little memory, or the file. */
enum class Obstacle { NO_DELEGATE, UNSUPPORTED, MEMORY, MODEL }
