package limit

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Rate is at most N acts in any stretch of time as long as Period.
type Rate struct {
	N      int
	Period time.Duration
}

// String writes the rate as [Parse] reads it: 10/min, 20/15min, 1000/h.
func (r Rate) String() string {
	for _, u := range units {
		if r.Period%u.length != 0 {
			continue
		}
		if n := r.Period / u.length; n != 1 {
			return fmt.Sprintf("%d/%d%s", r.N, int64(n), u.name)
		}
		return fmt.Sprintf("%d/%s", r.N, u.name)
	}
	return fmt.Sprintf("%d/%s", r.N, r.Period)
}

// units from the longest to the shortest; the first name of a length is the one written.
var units = []struct {
	name   string
	length time.Duration
}{
	{"d", 24 * time.Hour},
	{"day", 24 * time.Hour},
	{"h", time.Hour},
	{"hour", time.Hour},
	{"min", time.Minute},
	{"m", time.Minute},
	{"minute", time.Minute},
	{"s", time.Second},
	{"sec", time.Second},
	{"second", time.Second},
}

// Rules say the rate of each class. A class that is not there is unlimited.
type Rules map[Class]Rate

// String writes the rules as [Parse] reads them, every class named.
func (r Rules) String() string {
	if len(r) == 0 {
		return "off"
	}
	parts := make([]string, 0, len(Classes()))
	for _, c := range Classes() {
		if rate, ok := r[c]; ok {
			parts = append(parts, string(c)+"="+rate.String())
		} else {
			parts = append(parts, string(c)+"=off")
		}
	}
	return strings.Join(parts, ",")
}

// presets are the rules that have a name. "spec" has the numbers of the Cloud
// API's published specification (section "Rate limiting") and the login figure
// of its authentication page; the two of the dashboard and that of parts are Grove's own.
func preset(name string) (Rules, bool) {
	switch name {
	case "spec":
		return Rules{
			Requests:         {1000, time.Hour},
			Dashboard:        {20_000, time.Hour},
			DeviceStatus:     {10, time.Minute},
			Uploads:          {10, time.Hour},
			DashboardUploads: {300, time.Hour},
			Parts:            {2000, time.Hour},
			MQTT:             {100, time.Minute},
			Login:            {5, time.Minute},
			LoginSource:      {20, 15 * time.Minute},
		}, true
	case "relaxed":
		return Rules{
			Requests:         {20_000, time.Hour},
			Dashboard:        {100_000, time.Hour},
			DeviceStatus:     {240, time.Minute},
			Uploads:          {500, time.Hour},
			DashboardUploads: {3000, time.Hour},
			Parts:            {20_000, time.Hour},
			MQTT:             {2000, time.Minute},
			Login:            {10, time.Minute},
			LoginSource:      {60, 15 * time.Minute},
		}, true
	case "off":
		return Rules{}, true
	}
	return nil, false
}

// Parse reads rules: a preset (spec, relaxed, off), or changes to one as
// class=N/period or class=off, separated by commas, such as
// "uploads=100/h,mqtt=off" or "relaxed,login=3/min". Changes are made to spec
// unless another preset stands first. What is said of uploads holds at the dashboard
// as well, unless dashboard-uploads is there too. Empty means spec.
func Parse(text string) (Rules, error) {
	rules, _ := preset("spec")
	said := map[Class]bool{}
	for i, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" && strings.TrimSpace(text) == "" {
			break
		}
		if named, ok := preset(part); ok && i == 0 {
			rules = named
			continue
		}
		class, err := rules.change(part)
		if err != nil {
			return nil, fmt.Errorf("read limits: %w", err)
		}
		said[class] = true
	}
	if said[Uploads] && !said[DashboardUploads] { // whoever bounds uploads means everybody's
		rules.set(DashboardUploads, rules[Uploads])
	}
	return rules, nil
}

// change applies one class=N/period.
func (r Rules) change(part string) (Class, error) {
	name, rate, ok := strings.Cut(part, "=")
	if !ok {
		return "", fmt.Errorf("%q is neither spec, relaxed, off (first) nor class=N/period", part)
	}
	class := Class(strings.TrimSpace(name))
	if !slices.Contains(Classes(), class) {
		return "", fmt.Errorf("there is no class %q; the classes are %s", class, classNames())
	}
	rate = strings.TrimSpace(rate)
	if rate == "off" {
		r.set(class, Rate{})
		return class, nil
	}
	parsed, err := parseRate(rate)
	if err != nil {
		return "", fmt.Errorf("class %s: %w", class, err)
	}
	r.set(class, parsed)
	return class, nil
}

// set gives a class its rate; none is unlimited.
func (r Rules) set(class Class, rate Rate) {
	if rate == (Rate{}) {
		delete(r, class)
		return
	}
	r[class] = rate
}

// maxN and maxPeriod keep sums and times far from overflow.
const (
	maxN      = 1_000_000_000
	maxPeriod = 366 * 24 * time.Hour
)

func parseRate(text string) (Rate, error) {
	count, period, ok := strings.Cut(text, "/")
	if !ok {
		return Rate{}, fmt.Errorf("%q is not N/period, such as 10/min", text)
	}
	n, err := strconv.Atoi(strings.TrimSpace(count))
	if err != nil || n < 1 || n > maxN {
		return Rate{}, fmt.Errorf("%q is not a count from 1 to %d", count, maxN)
	}
	d, ok := parsePeriod(strings.TrimSpace(period))
	if !ok {
		return Rate{}, fmt.Errorf("%q is not a period, such as s, 15min, h, day", period)
	}
	return Rate{N: n, Period: d}, nil
}

// parsePeriod reads "h", "15min" or "90s". A number alone is no period.
func parsePeriod(text string) (time.Duration, bool) {
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	times := 1
	if digits > 0 {
		n, err := strconv.Atoi(text[:digits])
		if err != nil || n < 1 || n > int(maxPeriod/time.Second) {
			return 0, false
		}
		times = n
	}
	for _, u := range units {
		if u.name == text[digits:] {
			d := time.Duration(times) * u.length
			return d, d <= maxPeriod && d > 0 && d/u.length == time.Duration(times)
		}
	}
	return 0, false
}

func classNames() string {
	names := map[string]bool{}
	for _, c := range Classes() {
		names[string(c)] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}
