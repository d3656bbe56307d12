package grove

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of the tags of a printer or a file: how many, and how many characters each.
const (
	maxTags = 20
	maxTag  = 40
)

// CheckTags are tags as they are kept: with single spaces between words and none around
// them, and none twice, case aside. More than 20, or one that is empty, beyond 40
// characters or no text: Invalid tags.
func CheckTags(words []string) ([]string, error) {
	kept := []string{}
	for _, w := range words {
		w = strings.Join(strings.Fields(w), " ")
		same := func(have string) bool { return strings.EqualFold(have, w) }
		switch {
		case w == "", !utf8.ValidString(w), utf8.RuneCountInString(w) > maxTag, strings.ContainsFunc(w, unicode.IsControl):
			return nil, wrongTags(fmt.Sprintf("%.80q is no tag: one has 1 to %d characters, and no control characters", w, maxTag))
		case !slices.ContainsFunc(kept, same):
			kept = append(kept, w)
		}
	}
	if len(kept) > maxTags {
		return nil, wrongTags(fmt.Sprintf("there are at most %d tags", maxTags))
	}
	return kept, nil
}

func wrongTags(why string) error {
	err := Errorf(Invalid, ReasonTagsWrong, "the tags can't be taken: %s", why)
	err.Fields = map[string]string{"tags": why}
	return err
}
