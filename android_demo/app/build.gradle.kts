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
    flavorDimensions += "runtime"
    productFlavors {
        create("tflite") {
            dimension = "runtime"
            isDefault = true
        }
        create("litert") { dimension = "runtime" }
        create("litert2") {
            dimension = "runtime"
            resValue("string", "runtime_version", value("litert2"))
            proguardFiles("litert2.pro")
        }
    }
    // TFLite and LiteRT 1 have the same classes under the same names
    sourceSets {
        for (flavor in listOf("tflite", "litert")) getByName(flavor).kotlin.srcDir("src/interpreter/kotlin")
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
    "tfliteImplementation"("org.tensorflow:tensorflow-lite:${value("tflite")}")
    "tfliteImplementation"("org.tensorflow:tensorflow-lite-api:${value("tflite")}")
    "tfliteImplementation"("org.tensorflow:tensorflow-lite-gpu:${value("tflite")}")
    "tfliteImplementation"("org.tensorflow:tensorflow-lite-gpu-api:${value("tfliteGpuApi")}")
    "litertImplementation"("com.google.ai.edge.litert:litert:${value("litert")}")
    "litertImplementation"("com.google.ai.edge.litert:litert-api:${value("litert")}")
    "litertImplementation"("com.google.ai.edge.litert:litert-gpu:${value("litert")}")
    "litertImplementation"("com.google.ai.edge.litert:litert-gpu-api:${value("litert")}")
    "litert2Implementation"("com.google.ai.edge.litert:litert:${value("litert2")}")
}
