// Package lorawan decodes the JSON events of LoRaWAN network servers:
// ChirpStack version 4 and The Things Stack version 3. Fields that the server's
// payload codec has decoded become metrics, by rules of the configuration and
// built-in ones for common devices; the radio's figures and gaps of the frame
// counter do so too.
package lorawan
