//go:build race

package main_test

// raceDetector: the function under test is built with what watches this test binary.
const raceDetector = true
