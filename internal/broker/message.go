package broker

import "encoding/binary"

// message is a report on its way to viewers. It is encoded once for each protocol
// version, however many they are.
type message struct {
	serial  string
	payload []byte
	v3, v5  []byte
}

// encoded gives the PUBLISH packet. Callers share it and must not change it.
func (m *message) encoded(v5 bool) []byte {
	if v5 {
		if m.v5 == nil {
			m.v5 = publish(devicePrefix+m.serial+reportSuffix, m.payload, true)
		}
		return m.v5
	}
	if m.v3 == nil {
		m.v3 = publish(devicePrefix+m.serial+reportSuffix, m.payload, false)
	}
	return m.v3
}

// publish encodes a PUBLISH packet of QoS 0, not retained and without properties.
func publish(topic string, payload []byte, v5 bool) []byte {
	length := 2 + len(topic) + len(payload)
	if v5 {
		length++
	}
	p := make([]byte, 0, length+5)
	p = append(p, 3<<4)
	p = binary.AppendUvarint(p, uint64(length))              // MQTT's variable byte integer has the same form
	p = binary.BigEndian.AppendUint16(p, uint16(len(topic))) //nolint:gosec // topics are far shorter than 64 KiB
	p = append(p, topic...)
	if v5 {
		p = append(p, 0) // no properties
	}
	return append(p, payload...)
}
