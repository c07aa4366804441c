package org.poseport.demo.core

import java.io.File

/** What tests/android/write_people.py wrote: the detector, pictures, and whom Python finds in them. */
class DrawnPeople {
    private val models = File(System.getProperty("models"))
    private val folder = File(models, "detector")
    private val all = Json.parse(File(folder, "people.json").readText(), "people.json") as Map<*, *>
    val height = (all["height"] as Long).toInt()
    val width = (all["width"] as Long).toInt()
    val detector = File(folder, "person.int8.tflite")
    val model = File(models, all["model"] as String)

    fun bytes(name: String) = File(folder, "$name.rgb").readBytes()

    fun picture(name: String) = rgbImage(bytes(name), height, width)

    fun case(name: String) = Case(all[name] as Map<*, *>)

    class Case(private val values: Map<*, *>) {
        fun numbers(key: String) = flat(values[key]).toDoubleArray()

        /** Of an array of two or more axes, each entry of the first one as a flat array. */
        fun rows(key: String) = (values[key] as List<*>).map { flat(it).toDoubleArray() }

        private fun flat(value: Any?): List<Double> =
            if (value is List<*>) value.flatMap(::flat) else listOf((value as Number).toDouble())
    }
}
