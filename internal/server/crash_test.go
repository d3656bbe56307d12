package server

const crashVariable = "GROVE_TEST_CRASH_AT"

func crashChild(string) {}
