//go:build race

package e2e

// raceDetector: the function under test is built with what watches this test binary.
const raceDetector = true
