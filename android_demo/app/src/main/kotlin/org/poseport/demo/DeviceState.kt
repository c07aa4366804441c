package org.poseport.demo

import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import android.os.BatteryManager
import android.os.Build
import android.os.PowerManager
import java.io.File
import java.io.IOException

/** Which phone this is, and how warm, how fast and how full it is now; what Android does not tell is left out. */
object DeviceState {
    fun read(context: Context): Map<String, Any?> = mapOf(
        "manufacturer" to Build.MANUFACTURER,
        "device" to Build.MODEL,
        "soc" to soc(),
        "android" to Build.VERSION.RELEASE,
        "build" to Build.FINGERPRINT,
        "abi" to Build.SUPPORTED_ABIS.firstOrNull(),
        "time_ms" to System.currentTimeMillis(),
        "thermal_status" to thermalStatus(context),
        "temperatures" to zones(),
        "clocks_khz" to clocks(),
        "battery" to battery(context),
    ).filterValues { it != null }

    private fun soc(): String =
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.S) Build.HARDWARE
        else "${Build.SOC_MANUFACTURER} ${Build.SOC_MODEL}"

    private fun thermalStatus(context: Context): Int? =
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.Q) null
        else context.getSystemService(PowerManager::class.java)?.currentThermalStatus

    private fun battery(context: Context): Map<String, Any?>? {
        val now: Intent = context.registerReceiver(null, IntentFilter(Intent.ACTION_BATTERY_CHANGED)) ?: return null
        val level = now.getIntExtra(BatteryManager.EXTRA_LEVEL, -1)
        val scale = now.getIntExtra(BatteryManager.EXTRA_SCALE, -1)
        return mapOf(
            "percent" to if (level >= 0 && scale > 0) 100.0 * level / scale else null,
            "temperature_c" to now.getIntExtra(BatteryManager.EXTRA_TEMPERATURE, 0) / 10.0,
            "plugged" to (now.getIntExtra(BatteryManager.EXTRA_PLUGGED, 0) != 0),
        )
    }

    /** Milli-degrees of the kernel's thermal zones that an app may read. */
    private fun zones(): Map<String, Any?>? = folders("/sys/class/thermal", "thermal_zone").mapNotNull { zone ->
        val temperature = line(File(zone, "temp"))?.toLongOrNull() ?: return@mapNotNull null
        "${zone.name} ${line(File(zone, "type")) ?: ""}".trim() to temperature
    }.toMap().ifEmpty { null }

    private fun clocks(): List<Long>? =
        folders("/sys/devices/system/cpu", "cpu")
            .mapNotNull { line(File(it, "cpufreq/scaling_cur_freq"))?.toLongOrNull() }.ifEmpty { null }

    private fun folders(place: String, prefix: String): List<File> =
        File(place).listFiles { file -> file.name.removePrefix(prefix).toIntOrNull() != null }.orEmpty()
            .sortedBy { it.name }

    private fun line(file: File): String? = try {
        file.readText().trim()
    } catch (error: IOException) {
        null
    }
}
