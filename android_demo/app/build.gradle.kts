plugins {
    id("com.android.application")
    id("org.jetbrains.kotlin.android")
}

fun value(name: String): String = providers.gradleProperty("poseport.$name").get()

android {
    namespace = value("applicationId")
    compileSdk = value("compileSdk").toInt()
    defaultConfig {
        applicationId = value("applicationId")
        minSdk = value("minSdk").toInt()
        targetSdk = value("targetSdk").toInt()
        versionCode = value("versionCode").toInt()
        versionName = value("versionName")
        ndk { abiFilters += value("abis").split(",") }
    }
    buildTypes {
        release {
            isMinifyEnabled = true
            proguardFiles("keep.pro")
        }
    }
    compileOptions {
        sourceCompatibility = JavaVersion.toVersion(value("kotlinTarget"))
        targetCompatibility = JavaVersion.toVersion(value("kotlinTarget"))
    }
    kotlinOptions { jvmTarget = value("kotlinTarget") }
    androidResources { noCompress += "tflite" }
    // libraries are packed compressed: two delegates for three processors would be 16 MB otherwise
    packaging { jniLibs { useLegacyPackaging = true } }
}

dependencies {
    implementation("org.tensorflow:tensorflow-lite:${value("tflite")}")
    implementation("org.tensorflow:tensorflow-lite-api:${value("tflite")}")
    implementation("org.tensorflow:tensorflow-lite-gpu:${value("tflite")}")
    implementation("org.tensorflow:tensorflow-lite-gpu-api:${value("tfliteGpuApi")}")
}
