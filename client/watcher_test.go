package client

import (
	"fmt"
	"testing"
)

func TestASlowReaderIsGivenTheNewest(t *testing.T) {
	t.Parallel()
	w := newWatcher("01P00A000000001")
	w.take([]byte(`{"print":{"command":"push_status","msg":1,"mc_percent":1}}`))
	if _, ready := w.live(); ready {
		t.Error("a fragment passed for the whole")
	}
	w.take([]byte(`{"print":{"command":"push_status","msg":0,"gcode_state":"RUNNING","mc_percent":2}}`))
	for i := range 50 {
		w.take(fmt.Appendf(nil, `{"print":{"command":"push_status","msg":1,"mc_percent":%d}}`, 3+i))
	}
	<-w.news
	live, ready := w.live()
	if !ready || live.Shadow.Percent != 52 || live.Shadow.State != "RUNNING" {
		t.Errorf("%v %+v", ready, live.Shadow)
	}
	select {
	case <-w.news:
		t.Error("old states are still waiting")
	default:
	}
}

func TestOtherPeoplesBusinessIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWatcher("01P00A000000001")
	w.take([]byte(`{"print":{"command":"push_status","msg":0,"gcode_state":"IDLE"}}`))
	<-w.news
	for _, foreign := range []string{``, `null`, `[]`, `{`, `{"print":7}`, `{"event":{"event":"client.renamed"}}`, `{"system":{"command":"ledctrl","result":"success"}}`} {
		w.take([]byte(foreign))
		if len(w.news) > 0 {
			t.Errorf("%q passed for news", foreign)
		}
	}
	if live, ready := w.live(); !ready || live.Shadow.State != "IDLE" {
		t.Errorf("%v %+v", ready, live)
	}
}
