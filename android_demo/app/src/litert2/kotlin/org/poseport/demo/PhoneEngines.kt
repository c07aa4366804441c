package org.poseport.demo

import android.content.Context
import org.poseport.demo.core.Engines

/** The runtime of this flavour: LiteRT 2's `CompiledModel`, from Google's Maven. */
internal fun phoneEngines(context: Context): Engines = CompiledEngines(context.applicationContext)
