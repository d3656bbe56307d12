package client

import (
	"slices"
	"strconv"
	"strings"

	"github.com/grovecloud/grove"
)

// CompareFirmware tells which of two firmware versions, such as 01.08.02.00, is
// newer: -1 when a is older, 0 when they are the same, 1 when a is newer. A
// version that does not parse is ErrInvalidVersion.
func CompareFirmware(a, b string) (int, error) {
	x, err := firmware(a)
	if err != nil {
		return 0, err
	}
	y, err := firmware(b)
	if err != nil {
		return 0, err
	}
	return slices.Compare(x, y), nil
}

// firmware reads four parts of digits.
func firmware(version string) ([]int, error) {
	parts := strings.Split(strings.TrimSpace(version), ".")
	numbers := make([]int, 0, len(parts))
	for _, p := range parts {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || len(parts) != 4 {
			return nil, &Error{Name: ErrInvalidVersion, Err: grove.Errorf(grove.Invalid,
				"bad_version", "%q is not a firmware version; they look like 01.08.02.00", version)}
		}
		numbers = append(numbers, int(n))
	}
	return numbers, nil
}
