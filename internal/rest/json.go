package rest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/grovecloud/grove"
)

// maxDepth is how deep a body may be nested. What clients send is a handful deep.
const maxDepth = 64

// checkJSON refuses a body that readers could understand in different ways or that
// is made to tire them: broken UTF-8, a key twice in one object, deep nesting. What
// is no JSON at all is left to whoever decodes it, who can say more of it.
func checkJSON(body []byte) error {
	if !utf8.Valid(body) {
		return grove.Errorf(grove.Invalid, "bad_json", "the body is not UTF-8, which JSON must be; write its texts in UTF-8 and send it again")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var open []*container
	for {
		token, err := dec.Token()
		if err != nil {
			return nil //nolint:nilerr // its end, or no JSON, which decoding tells
		}
		if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
			open = open[:len(open)-1]
			continue
		}
		if len(open) > 0 {
			if key, again := open[len(open)-1].take(token); again {
				return twice(key)
			}
		}
		switch token {
		case json.Delim('{'):
			open = append(open, &container{keys: map[string]bool{}})
		case json.Delim('['):
			open = append(open, &container{})
		}
		if len(open) > maxDepth {
			return grove.Errorf(grove.Invalid, "bad_json", "the body is nested more than %d deep; nothing here is", maxDepth)
		}
	}
}

// checkNothing refuses a body for a call that takes none: whoever sends one means
// something by it that would not be done.
func checkNothing(body []byte) error {
	var sent map[string]json.RawMessage
	if err := json.Unmarshal(body, &sent); err != nil {
		e := grove.Errorf(grove.Invalid, "bad_json", "this call takes no body, and what came is not even an empty object; leave it out")
		e.Err = err
		return e
	}
	if len(sent) == 0 {
		return nil
	}
	e := grove.Errorf(grove.Invalid, "bad_request", "this call takes no body; leave out %s", strings.Join(slices.Sorted(maps.Keys(sent)), ", "))
	e.Fields = map[string]string{}
	for name := range sent {
		e.Fields[name] = "unexpected property"
	}
	return e
}

// container is a list, or an object with the keys that it had so far.
type container struct {
	keys  map[string]bool
	value bool // what comes next is the value of a key
}

// take notes what comes next in the container, and reports a key that was there.
func (c *container) take(token json.Token) (key string, again bool) {
	if c.keys == nil {
		return "", false
	}
	if c.value = !c.value; !c.value {
		return "", false
	}
	key, _ = token.(string)
	again = c.keys[key]
	c.keys[key] = true
	return key, again
}

func twice(key string) error {
	const most = 64
	if len(key) > most {
		key = "a key" // whatever that is, it is no name of a field
	}
	e := grove.Errorf(grove.Invalid, "bad_json", "%s is there more than once in one object; send it once", key)
	e.Fields = map[string]string{key: "is there more than once"}
	return e
}
