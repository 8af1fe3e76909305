// Jest setup provided by Grafana scaffolding
import './.config/jest-setup';

// Grafana's comboboxes measure their texts, which jsdom cannot.
HTMLCanvasElement.prototype.getContext = () => ({ measureText: (text) => ({ width: text.length * 8 }) });
