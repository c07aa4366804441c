package org.poseport.demo

import android.content.Context
import org.poseport.demo.core.Engines

/** The runtime of this flavour: TFLite's interpreter, from Maven Central. It needs nothing of the [context]. */
@Suppress("UNUSED_PARAMETER")
internal fun phoneEngines(context: Context): Engines = InterpreterEngines("TensorFlow Lite")
