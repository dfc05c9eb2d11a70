const { contextBridge, ipcRenderer } = require('electron');
contextBridge.exposeInMainWorld('toy', {
  name: 'bridge',
  ask: (message) => ipcRenderer.invoke('toy', message),
  reach: (name) => {
    try {
      return String(require(name));
    } catch (error) {
      return error.message;
    }
  },
  raw: () => {
    try {
      return ipcRenderer.sendSync('x');
    } catch (error) {
      return error.message;
    }
  },
  onNews(listener) {
    const heard = (_event, news) => listener(news);
    ipcRenderer.on('news', heard);
    return () => ipcRenderer.off('news', heard);
  },
});
