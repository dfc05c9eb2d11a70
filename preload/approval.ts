/** The preload of the window in which a request is answered. */
import { contextBridge, ipcRenderer } from 'electron';
import { createBridge } from './bridge.ts';

contextBridge.exposeInMainWorld('lakepass', createBridge('approval', ipcRenderer));
