package org.tensorflow.lite

/**
 * How many operations an interpreter runs one after the other; what a delegate took over counts as one. The library
 * tells its own package alone.
 */
val Interpreter.planLength: Int get() = wrapper.executionPlanLength
