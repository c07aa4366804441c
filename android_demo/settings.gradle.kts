pluginManagement {
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
    plugins {
        id("com.android.application") version providers.gradleProperty("poseport.agp").get()
        id("org.jetbrains.kotlin.android") version providers.gradleProperty("poseport.kotlin").get()
    }
}
dependencyResolutionManagement {
    repositories {
        google()
        mavenCentral()
    }
}
rootProject.name = "poseport demo"
include(":app")
